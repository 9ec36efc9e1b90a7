"""Files and folders, which may come from strangers: how they are written and read.

`files` writes whole files and reads regular ones, `folders` searches folders, `stored_zip` opens
files of arrays, `images` opens images; `documents` and `manifests` are JSON. docs/security.md has
the bounds.
"""
