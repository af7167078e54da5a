"""Input of the sessions' API, and the description of its answers."""

from __future__ import annotations

from rest_framework import serializers

from dashboard.api.fields import StrictBooleanField, StrictCharField, StrictSerializer

#: Characters of notes; a page of a session shows them whole.
NOTES_LENGTH = 10_000


class SessionPatchSerializer(StrictSerializer):
    """What may be changed in a session."""

    notes = StrictCharField(
        required=False, max_length=NOTES_LENGTH, help_text="Notes on the session; empty to remove them."
    )
    active = StrictBooleanField(required=False, help_text="Whether the session is still being worked on.")


class SessionSummarySerializer(serializers.Serializer):
    """A session, its numbers as its writers keep them; fields that they added are answered too."""

    symbol = serializers.CharField(help_text="May hold colons and slashes, as in `BTC/USDT:USDT`.")
    timeframe = serializers.CharField()
    startTimestamp = serializers.IntegerField(
        help_text="Milliseconds since 1970 UTC, or whatever unit its writer uses in the id."
    )
    endTimestamp = serializers.IntegerField()
    runCount = serializers.IntegerField(allow_null=True)
    lastConfigHash = serializers.CharField(allow_null=True)
    lastUpdate = serializers.IntegerField(allow_null=True, help_text="Milliseconds since 1970 UTC.")
    bestProfit = serializers.FloatField(allow_null=True)
    bestConfigHash = serializers.CharField(allow_null=True)
    currentProfit = serializers.FloatField(allow_null=True, help_text="Profit of the run that was written last.")
    currentStatus = serializers.CharField(allow_null=True, help_text="Status of the run that was written last.")
    avgProfit = serializers.FloatField(allow_null=True, help_text="Mean profit of completed runs.")
    errorCount = serializers.IntegerField(allow_null=True)
    completedRuns = serializers.IntegerField(allow_null=True)
    active = serializers.BooleanField(allow_null=True)
    notes = serializers.CharField(allow_null=True)
    unreadable = serializers.CharField(required=False, help_text="Only when the stored summary cannot be read: why.")
