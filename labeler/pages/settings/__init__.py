"""The settings of a project, one page per section."""
