"""Who fits what, and when: worker processes, the schedule of a study, its supervisor thread, and the manager of a process.

Units of work go out to workers, results come back as messages and are written to the study. It never touches a user interface;
the pages and the supervisor meet in the storage only.
"""
