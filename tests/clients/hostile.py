"""A project that throws at a report what names and texts can hold.

File names with control, ANSI, bidi and non-UTF-8 bytes, with the syntax of workflow commands, XML, Markdown and shells;
source lines that would start a command or change a terminal if they were printed as they stand.
"""

import os

NAMES = [
    b"a b.py",
    b"-rf.py",
    b"$(touch pwned).py",
    b"`tick`|pipe.py",
    b"::error::x.py",
    b"##vso[task.complete].py",
    b"semi;colon,comma%0A]'\"<&>.py",
    b"<b>bold.py",
    b"[link](javascript:1).py",
    b"]]>.py",
    b"line\nbreak.py",
    b"car\rriage.py",
    b"tab\there.py",
    b"\x1b[31mred.py",
    b"\x07bell\x08.py",
    b"\xc2\x85nel.py",
    b"\xc2\x9b31mcsi.py",
    b"\xe2\x80\xaebidi.py",
    b"\xe2\x80\xa8ls.py",
    b"\xef\xbf\xbenon.py",
    b"\xff\xfe.py",
    "\u540d\u524d\u00e9.py".encode(),
    b"C:\\x.py",
]

TEXT = """\
::error::first line of the file
##vso[task.complete result=Failed;]first
""".replace("::", "# ::", 1).replace("##", "# ##", 1)

SOURCE = TEXT + (
    "import functools, weakref\r\n"
    "\u540d = {}; '::warning::\x1b[31m\u202e\u2066\x85\u2028\x0c</script>]]>%0A'\r\n"
    "def \u00e9\u540d(\u9375):\r\n"
    "\t\u540d[\u9375] = '::error::\x1b]0;title\x07\x9b31m\u202e </script> ]]> | `x` [a](b) %0A ##vso[task]'\r\n"
    "def opened(p, text='\x1b[31m'):\r\n"
    "\tf = open('\x1b[31m\u202e::error::</script>', 'r'); return f.read()\r\n"
    "class A:\r\n"
    "\t@functools.lru_cache(None)\r\n"
    "\tdef \u540d\u524d(self, x): return '\x00'.strip()\r\n"
    "\tdef __init__(self): weakref.finalize(self, self.\u540d\u524d, '\x9b\u202e')\r\n"
    "def add(x, to=[]):\r\n"
    "\tto.append('\x1b[2J'); return to\r\n"
).replace("\x00", "\\0")

BROKEN = "def (\x1b[31m\u202e ::error:: </script> ]]>\r\n"


def write(folder: bytes) -> None:
    """Makes the project. Names that the file system refuses are left out."""
    for name in NAMES:
        for inside in (b"", os.path.join(b"sub " + name[:-3], b"")):
            path = os.path.join(folder, inside, name)
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(SOURCE.encode())
            except OSError:
                continue
    with open(os.path.join(folder, b"broken\x1b[31m.py"), "w", encoding="utf-8", newline="") as file:
        file.write(BROKEN)
    with open(os.path.join(folder, b"latin\x1b[31m.py"), "wb") as file:
        file.write(b"x = '\xff'\n")
