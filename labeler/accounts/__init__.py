"""People and how they prove who they are: accounts, passwords, tokens, sessions, preferences, and the audit table.

Verbs: make an account, check a password, issue and revoke a token, write an audit event, change preferences.
Writes: User, Token, Session, LoginFailures, Preference, AuditEvent, and a member's own keys (Membership).
Does not know projects: who is a member of what is projects/ and access.py.
"""
