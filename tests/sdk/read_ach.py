"""Reads an ACH file with somebody else's parser: prints what it says, and what is wrong with it.

    python read_ach.py FILE
"""

import json
import sys
from pathlib import Path

import achkit


def main():
    text = Path(sys.argv[1]).read_text(encoding="ascii")
    checked = achkit.validate(text)
    print(json.dumps({"errors": checked["errors"], "file": achkit.parse(text)}))


main()
