"""Event and tracking data of providers such as StatsBomb, Opta and Sportec, read through kloppy.

recognising   provider of a file by its content, and the second file that it needs; without kloppy
loading       kloppy's readers, with errors of one line
actions       events of kloppy as the 12 actions
"""
