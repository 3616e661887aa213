"""Projects and the people in them: settings, classes, guideline, members, invitations, trash.

Verbs: create, update, trash, restore; add, change, merge and retire a class; add, pause and remove a member; invite.
Writes: Project, Category, GuidelineVersion, Membership, Invitation. A change of rules has labeling/ count again.
Does not know how labels become answers.
"""
