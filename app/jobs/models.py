"""The database's part of the platform: results that are too large for Redis."""

from typing import ClassVar

from django.db import models


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
