"""The audit table refuses UPDATE and DELETE; labels may only be marked as superseded.

Even a mistake in our own code, or a hand in psql as the application's role, cannot rewrite who said what.
A project that is purged from the trash sets `labeler.purge` for its own transaction.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION labeler_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON labeler_auditevent
    FOR EACH ROW EXECUTE FUNCTION labeler_refuse_change();

CREATE FUNCTION labeler_label_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('labeler.purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'labels are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.superseded_at IS NOT NULL OR NEW.superseded_at IS NULL
       OR (to_jsonb(NEW) - 'superseded_at') <> (to_jsonb(OLD) - 'superseded_at') THEN
        RAISE EXCEPTION 'a label is only ever superseded, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER label_history_only_grows BEFORE UPDATE OR DELETE ON labeler_label
    FOR EACH ROW EXECUTE FUNCTION labeler_label_history();
"""

BACKWARD = """
DROP TRIGGER label_history_only_grows ON labeler_label;
DROP TRIGGER audit_only_grows ON labeler_auditevent;
DROP FUNCTION labeler_label_history();
DROP FUNCTION labeler_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("labeler", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
