"""The passes, one file for each kind of operator; every file here is loaded."""
