"""Commands as they are spelt and told: flags, samconfig.toml, mistakes, and what each does.

Knows words and exit codes. Does not know how anything is done.
"""
