"""What takes the place of a secret in code: it stays Python, at whatever place the value stood."""

from __future__ import annotations

import pytest

from workbench.sharing.mending import mended_code
from workbench.sharing.secrets import mask_of

VALUE = "hunter2-Zq99x"
FUTURE = "from __future__ import annotations\n"
IMPORT = "from workbench import secret\n"
MENDED = {
    "signs-that-end-lines-elsewhere": ('a = "\u2028\x85"\x0c\nb = "{}"\n', 'a = "\u2028\x85"\x0c\nb = secret("T")\n'),
    "the-same-in-a-comment": ('a = "\x1c"  # {}\nb = 1\n', 'a = "\x1c"  # ***\nb = 1\n'),
    "lines-of-windows": ('a = 1\r\nb = "{}"\r\n', 'a = 1\r\nb = secret("T")\r\n'),
    "a-word-before-it": ('def f():\n    return"{}"\n', 'def f():\n    return secret("T")\n'),
}
WITH_IMPORT = {
    "future": (FUTURE + 'a = "{}"\n', FUTURE + IMPORT + 'a = secret("T")\n'),
    "docstring": ('"""Says."""\n' + FUTURE + 'a = "{}"\n', '"""Says."""\n' + FUTURE + IMPORT + 'a = secret("T")\n'),
    "magic": ('%%time\na = "{}"\n', "%%time\n" + IMPORT + 'a = secret("T")\n'),
    "none-of-these": ('import os\na = "{}"\n', IMPORT + 'import os\na = secret("T")\n'),
}
ALL = [(*each, True) for each in MENDED.values()] + [(*each, False) for each in WITH_IMPORT.values()]


@pytest.mark.parametrize(("text", "mended", "has_import"), ALL, ids=[*MENDED, *WITH_IMPORT])
def test_code_without_its_secret_is_still_python(text: str, mended: str, has_import: bool) -> None:
    made = mended_code(text.format(VALUE), {VALUE: "T"}, mask_of([VALUE]), has_import)
    assert made == mended
    compile(made.replace("%%time", "#"), "cell", "exec")
