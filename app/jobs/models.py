"""The database's part of the platform: results too large for a status, and jobs that wait for a commit."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class StoredResult(models.Model):
    """The result of one attempt, as JSON. Which attempt's counts is the ledger's to say."""

    task_id = models.CharField(max_length=255)
    token = models.BigIntegerField()
    body = models.BinaryField()
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task_id", "token"], name="one_result_per_attempt"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} token {self.token}: {self.size_bytes} bytes"


class PendingSubmit(models.Model):
    """A job that its transaction wants: there if the transaction committed, until the ledger has the job.

    Both instants are by the database's clock, the one that all who read them share.
    """

    job_id = models.CharField(max_length=255, unique=True)
    # No JSONField: PostgreSQL's would refuse some texts and reword others.
    submission = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)
    committed_at = models.DateTimeField(null=True)
    """When the commit was known of; NULL until somebody failed to submit the job after it."""

    def __str__(self) -> str:
        return f"{self.job_id} since {self.created_at}"
