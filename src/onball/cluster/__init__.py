"""Archives of matches, spotted by many processes of one machine or of a cluster.

engine.py       contract of an engine: tasks, answers, resources
scheduling.py   stages, retries, progress: the same for all engines
local.py, on_ray.py, on_slurm.py    where tasks run
work.py         what a task does
archive.py      `spot_archive`: from paths to results
"""
