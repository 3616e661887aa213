"""Tell other programs when long work has ended: signed messages to addresses that a lead has named.

Verbs: create, change, remove (webhooks.py), collect (events.py), due, deliver, try_again, forget_old (deliveries.py).
What has ended is found in the rows of jobs and runs, some seconds later: nothing is told twice, and a process that
dies loses nothing. Saving a label knows nothing of this. Writes: Webhook, WebhookDelivery. Does not know what a job or
a run does; how an address is asked is labeler/outgoing.py's.
"""
