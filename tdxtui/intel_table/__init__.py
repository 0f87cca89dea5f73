"""Intel's table of CPUID virtualization (`cpuid_virtualization.json`, or its CSV), read as a module file.

The table says a virtualization type for each field; a module file also says which component of XFAM gates a bit, what
computes a field, what TDH.SYS.INIT checks, and what the run time does. So the nearest built-in module is taken, each
bit of which the table says something else is changed, and every assumption made on the way is written down.
"""
