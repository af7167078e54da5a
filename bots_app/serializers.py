"""Input of the runs' API, and the description of its answers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from dashboard.api.fields import StrictCharField, StrictSerializer
from dashboard.api.schema import ErrorSerializer

#: Bounds of what people write about a run.
NOTES_LENGTH, TAG_LENGTH, MOST_TAGS = 10_000, 100, 50


class RunPatchSerializer(StrictSerializer):
    """What may be changed in a run."""

    notes = StrictCharField(
        required=False, max_length=NOTES_LENGTH, help_text="Notes on the run; empty to remove them."
    )
    tags = serializers.ListField(
        child=StrictCharField(max_length=TAG_LENGTH),
        required=False,
        max_length=MOST_TAGS,
        help_text="All tags of the run.",
    )


class RunRecordSerializer(serializers.Serializer):
    """A run as it was written; fields beyond these are kept and answered too."""

    configHash = serializers.CharField(help_text="Names the run within its session.")
    status = serializers.CharField(help_text="Usually `completed`, `running` or `failed`; any text may be one.")
    botId = serializers.CharField(required=False, allow_null=True)
    lastUpdated = serializers.IntegerField(
        required=False, allow_null=True, help_text="As written: usually milliseconds since 1970 UTC."
    )
    resultsMetadata = serializers.JSONField(
        required=False, allow_null=True, help_text="`performance`, `marketHistory` and whatever else its writer keeps."
    )
    configuration = serializers.JSONField(
        required=False, allow_null=True, help_text="The bot's configuration, in any nesting."
    )
    notes = serializers.CharField(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), required=False)


class RunInputSerializer(RunRecordSerializer):
    """A run to be written; it may bring its trades, which are stored under their own key in the same step."""

    trades = serializers.ListField(child=serializers.JSONField(), required=False)


class RunRowSerializer(serializers.Serializer):
    """A row of the list; `?fields=` picks other fields."""

    configHash = serializers.CharField()
    status = serializers.CharField()
    profit = serializers.FloatField(allow_null=True)
    botId = serializers.CharField(allow_null=True)
    lastUpdated = serializers.IntegerField(allow_null=True)
    sharpe = serializers.FloatField(allow_null=True)
    maxDrawdown = serializers.FloatField(allow_null=True)
    winRate = serializers.FloatField(allow_null=True)
    profitFactor = serializers.FloatField(allow_null=True)
    numTrades = serializers.FloatField(allow_null=True)
    unreadable = serializers.CharField(required=False, help_text="Only when the record cannot be read: why.")


@extend_schema_serializer(many=False)
class RunPageSerializer(serializers.Serializer):
    """A page of runs."""

    bots = RunRowSerializer(many=True)
    nextCursor = serializers.CharField(allow_null=True, help_text="null on the last page.")
    previousCursor = serializers.CharField(allow_null=True, help_text="null on the first page.")
    count = serializers.IntegerField(help_text="How many runs match, on all pages together; exact.")
    stale = serializers.BooleanField(
        required=False, help_text="Only as true: other programs wrote runs that the list lacks as yet."
    )


class AggregateSerializer(serializers.Serializer):
    """Figures over all matching runs; those of the profit over runs that have one, null when there are none."""

    count = serializers.IntegerField(help_text="Unreadable runs included.")
    countByStatus = serializers.DictField(child=serializers.IntegerField())
    bestProfit = serializers.FloatField(allow_null=True)
    bestConfigHash = serializers.CharField(allow_null=True)
    worstProfit = serializers.FloatField(allow_null=True)
    worstConfigHash = serializers.CharField(allow_null=True)
    avgProfit = serializers.FloatField(allow_null=True)
    medianProfit = serializers.FloatField(allow_null=True)
    stdProfit = serializers.FloatField(allow_null=True, help_text="Of the sample; null below two runs.")
    stale = serializers.BooleanField(required=False)


class TradeSerializer(serializers.Serializer):
    """A trade as it was stored, with these fields added where it lacks them."""

    index = serializers.IntegerField(help_text="Place in the stored order, from 0.")
    side = serializers.CharField(allow_null=True, help_text="`long` or `short`.")
    entryTime = serializers.IntegerField(allow_null=True, help_text="Milliseconds since 1970 UTC.")
    exitTime = serializers.IntegerField(allow_null=True)
    entryPrice = serializers.FloatField(allow_null=True)
    exitPrice = serializers.FloatField(allow_null=True)
    size = serializers.FloatField(allow_null=True)
    profit = serializers.FloatField(allow_null=True)
    fee = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class EquitySerializer(serializers.Serializer):
    """A curve: three arrays of one length."""

    time = serializers.ListField(child=serializers.IntegerField(), help_text="Milliseconds since 1970 UTC.")
    equity = serializers.ListField(child=serializers.FloatField())
    drawdown = serializers.ListField(child=serializers.FloatField())


class WriteResultSerializer(serializers.Serializer):
    """What became of one record."""

    index = serializers.IntegerField(help_text="Place of the record in the body, from 0.")
    configHash = serializers.CharField(allow_null=True)
    result = serializers.ChoiceField(
        choices=["created", "updated", "unchanged", "refused", "unknown", "unwritten"],
        help_text="In an answer 503 also `unknown`, which may have been written or not, and `unwritten`.",
    )
    error = serializers.CharField(allow_null=True, help_text="Why it was refused.")


class WritesInterruptedSerializer(ErrorSerializer):
    """The data store failed in the midst of it: an error, and what became of each record."""

    results = WriteResultSerializer(many=True)


class WriteResultsSerializer(serializers.Serializer):
    """What became of each record, in the order they were sent."""

    results = WriteResultSerializer(many=True)
