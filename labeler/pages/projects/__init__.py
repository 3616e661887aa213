"""The list of projects, members and invitations."""
