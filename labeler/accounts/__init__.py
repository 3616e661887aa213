"""People and how they prove who they are: accounts, passwords, tokens, sessions, preferences, and the audit table.

Verbs: make an account, check a password, issue and revoke a token, write an audit event, change preferences.
Writes: User, Token, Session, LoginFailures, Preferences, AuditEvent.
Does not know projects: who is a member of what is projects/ and access.py.
"""
