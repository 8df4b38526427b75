"""Effect rows of CloudWatch's metrics, alarms and dashboards.

Knows what each operation does. Does not know log groups, which are a service of their own.
"""

from __future__ import annotations

from valve_aws.aws.rows.row import Row, Service, account, anything, whole
from valve_aws.model.cell import Part, Span


def _sets(operation: str, opens: str, leaves: str) -> Row:
    return Row(operation, "changes whom figures are told, or what others look at", reveals="config",
               changes="set-up", opens=opens, actions=f"cloudwatch:{operation}@any", leaves=leaves)


# Why one store for all metrics: AWS gives them no ARN, and a query, or an expression within it, may name any.
ROWS = (
    Row("PutMetricData", "new figures under names and dimensions; the answer is empty", changes="new",
        blind="always", actions="cloudwatch:PutMetricData@any",
        leaves="namespace=Namespace metric=MetricData.MetricName "
               "dimension=MetricData.Dimensions.Value "
               "metric=EntityMetricData.MetricData.MetricName "
               "dimension=EntityMetricData.MetricData.Dimensions.Value"),
    Row("GetMetricData", "any figures: an expression may search all", reveals="figures",
        actions="cloudwatch:GetMetricData@any",
        leaves="namespace=MetricDataQueries.MetricStat.Metric.Namespace "
               "metric=MetricDataQueries.MetricStat.Metric.MetricName "
               "dimension=MetricDataQueries.MetricStat.Metric.Dimensions.Value "
               "expression=MetricDataQueries.Expression label=MetricDataQueries.Label"),
    Row("GetMetricStatistics", "figures of one metric", reveals="figures",
        actions="cloudwatch:GetMetricStatistics@any",
        leaves="namespace=Namespace metric=MetricName dimension=Dimensions.Value"),
    Row("GetMetricWidgetImage", "any figures, drawn", reveals="figures",
        actions="cloudwatch:GetMetricWidgetImage@any", leaves="widget=MetricWidget"),
    Row("ListMetrics", "names and dimensions of what was put", reveals="metrics",
        actions="cloudwatch:ListMetrics@any",
        leaves="namespace=Namespace metric=MetricName dimension=Dimensions.Value"),
    # Why alarms show figures: their state, and the reason for it, is told by them.
    Row("DescribeAlarms", "alarms and their states", reveals="config figures",
        actions="cloudwatch:DescribeAlarms@any", leaves="alarm=AlarmNames prefix=AlarmNamePrefix"),
    Row("DescribeAlarmsForMetric", "alarms and their states", reveals="config figures",
        actions="cloudwatch:DescribeAlarmsForMetric@any",
        leaves="namespace=Namespace metric=MetricName dimension=Dimensions.Value"),
    Row("DescribeAlarmHistory", "states that alarms had", reveals="config figures",
        actions="cloudwatch:DescribeAlarmHistory@any", leaves="alarm=AlarmName"),
    _sets("PutMetricAlarm", "has others told of figures", "alarm=AlarmName description=AlarmDescription"),
    _sets("PutCompositeAlarm", "has others told of alarms",
          "alarm=AlarmName description=AlarmDescription rule=AlarmRule"),
    _sets("SetAlarmState", "hands a text on to whom an alarm tells",
          "alarm=AlarmName reason=StateReason data=StateReasonData"),
    _sets("EnableAlarmActions", "has others told of figures again", "alarm=AlarmNames"),
    _sets("DisableAlarmActions", "keeps alarms from those who wait for them", "alarm=AlarmNames"),
    _sets("DeleteAlarms", "takes alarms from those who wait for them", "alarm=AlarmNames"),
    _sets("PutDashboard", "shows a text to whoever looks at the account's pages",
          "dashboard=DashboardName body=DashboardBody"),
    _sets("DeleteDashboards", "takes a page away", "dashboard=DashboardNames"),
    Row("GetDashboard", "a page that somebody made", reveals="config", actions="cloudwatch:GetDashboard@any",
        leaves="dashboard=DashboardName"),
    Row("ListDashboards", "names of pages", reveals="config", actions="cloudwatch:ListDashboards@any",
        leaves="prefix=DashboardNamePrefix"),
)


_metrics = account("cloudwatch")


SERVICE = Service(
    rows=ROWS,
    extents={
        "new": whole(_metrics, (Part.CONTENT, Span.NEW), (Part.NAMES, Span.NEW), (Part.COUNTS, Span.ONE)),
        "figures": whole(_metrics, (Part.CONTENT, Span.ALL), (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "metrics": whole(_metrics, (Part.NAMES, Span.ALL), (Part.COUNTS, Span.ALL)),
        "config": whole(_metrics, (Part.CONFIG, Span.ALL)),
        "set-up": whole(_metrics, (Part.CONFIG, Span.ONE)),
    },
    arns={"any": anything},
)
