"""The command line of the library: `python -m hawc gallery list gallery.db`."""

import sys

from hawc.gallery_commands import main

if __name__ == "__main__":
    sys.exit(main())
