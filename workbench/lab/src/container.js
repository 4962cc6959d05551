// The extension as JupyterLab asks for it: a container with `init` and `get` (webpack's module federation).
// JupyterLab's own modules are taken from it as they are, of the major version that the types were checked against.
// `WANTED` and `extension` are put here by build.mjs.
let scope = {};

async function shared(name, major) {
  const versions = Object.keys(scope[name] ?? {});
  const fitting = versions.filter((version) => version.split(".")[0] === major);
  const newest = fitting.sort((one, other) => one.localeCompare(other, "en", { numeric: true })).at(-1);
  if (newest === undefined) {
    const found = versions.length ? `has ${versions.join(", ")}` : "has none";
    throw new Error(`The workbench's extension needs ${name} ${major}, JupyterLab ${found}. Fix: pip install --upgrade notebook-workbench jupyterlab`);
  }
  return (await scope[name][newest].get())();
}

(window._JUPYTERLAB ??= {})[NAME] = {
  init(given) {
    scope = given;
  },
  async get() {
    const taken = await Promise.all(Object.entries(WANTED).map(async ([name, major]) => [name, await shared(name, major)]));
    const modules = Object.fromEntries(taken);
    const module = { exports: {} };
    extension(module, (name) => modules[name]);
    // JupyterLab writes on what it gets.
    return () => ({ ...module.exports, __esModule: true });
  },
};
