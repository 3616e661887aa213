"""Projects and the people in them: settings, classes, questions about objects, guideline, members, trash.

Verbs: create, update, trash, restore; add, change, merge and retire a class or a question; add, pause and remove a
member; invite.
Writes: Project, Category, Question, GuidelineVersion, Membership, Invitation. A change of rules has labeling/ count
again.
Does not know how labels become answers.
"""
