"""`workbench quickstart`: a folder with a starter notebook, and scripts by which several processes serve it.

`asked` reads what a person types, `making` writes the folder of what lies in `folder/`, and `keeping` is what the
scripts in it run.
"""
