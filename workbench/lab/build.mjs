// Builds labextension/ from src/, and writes digest.json, by which a test knows that both belong together.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const text = (path) => readFileSync(join(here, path), "utf8");
const about = JSON.parse(text("package.json"));
const lock = JSON.parse(text("package-lock.json"));

const built = await build({
  entryPoints: [join(here, "src/index.ts")],
  absWorkingDir: here,
  bundle: true,
  format: "cjs",
  target: "es2022",
  external: ["@jupyterlab/*", "@lumino/*", "react", "react-dom"],
  loader: { ".svg": "text", ".css": "text" },
  charset: "utf8",
  write: false,
  metafile: true,
});
const imports = Object.values(built.metafile.outputs).flatMap((each) => each.imports).filter((each) => each.external);
const names = [...new Set(imports.map((each) => each.path))].sort();
const wanted = Object.fromEntries(names.map((name) => [name, lock.packages[`node_modules/${name}`].version.split(".")[0]]));
const script = `(() => {
const NAME = ${JSON.stringify(about.name)};
const WANTED = ${JSON.stringify(wanted)};
function extension(module, require) {
${built.outputFiles[0].text}}
${text("src/container.js")}})();
`;

const out = join(here, "labextension");
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "static"), { recursive: true });
// Named by its content, so that a browser does not take an older one from its cache.
const load = `static/remoteEntry.${createHash("sha256").update(script).digest("hex").slice(0, 20)}.js`;
writeFileSync(join(out, load), script);
const { name, version, description, license } = about;
const told = { name, version, description, license, jupyterlab: { extension: true, _build: { load, extension: "./extension" } } };
writeFileSync(join(out, "package.json"), `${JSON.stringify(told, null, 2)}\n`);
const install = { packageManager: "python", packageName: "notebook-workbench", uninstallInstructions: "pip uninstall notebook-workbench" };
writeFileSync(join(out, "install.json"), `${JSON.stringify(install, null, 2)}\n`);

// As tests/project/test_lab_assets.py does it: path, a zero, content, a zero; in order of paths.
function digest(paths) {
  const sum = createHash("sha256");
  for (const path of paths.sort()) sum.update(path).update("\0").update(readFileSync(join(here, path))).update("\0");
  return sum.digest("hex");
}
const under = (folder) => readdirSync(join(here, folder), { recursive: true, withFileTypes: true })
  .filter((each) => each.isFile())
  .map((each) => join(each.parentPath, each.name).slice(here.length + 1));
const sources = [...under("src"), "build.mjs", "package.json", "package-lock.json", "tsconfig.json"];
writeFileSync(join(here, "digest.json"), `${JSON.stringify({ sources: digest(sources), assets: digest(under("labextension")) }, null, 2)}\n`);
