# A dashboard from data: the state of the alarms first, then a graph for each kind of alarm with what it promises as a line,
# then graphs of its own.
locals {
  # As many as one widget takes.
  alarm_arns = chunklist([for name, alarm in var.alarms : alarm.arn], 100)

  alarm_graphs = [
    for title in sort(distinct([for alarm in values(var.alarms) : alarm.graph])) : {
      title   = title
      alarms  = { for name, alarm in var.alarms : name => alarm if alarm.graph == title }
      stacked = false
    }
  ]

  # A metric by its place in the list: namespace, name, each dimension with its value, and how it is drawn.
  alarm_lines = [
    for graph in local.alarm_graphs : flatten([
      for number, name in keys(graph.alarms) : [
        for query in concat(
          [
            for id, metric in graph.alarms[name].metrics : jsonencode(concat(
              [metric.namespace, metric.name],
              flatten([for dimension, value in metric.dimensions : [dimension, value]]),
              # As JSON, for Terraform would make both branches alike, and `false` a text.
              [jsondecode(
                graph.alarms[name].expression == null
                ? jsonencode({ stat = metric.statistic, period = graph.alarms[name].period_seconds, label = name })
                : jsonencode({ stat = metric.statistic, period = graph.alarms[name].period_seconds, id = "a${number}_${id}", visible = false })
              )],
            ))
          ],
          # Ids are one graph's, so each alarm has its own.
          [
            for expression in graph.alarms[name].expression[*] : jsonencode([{
              expression = replace(expression, "/\\b(${join("|", keys(graph.alarms[name].metrics))})\\b/", "a${number}_$1")
              label      = name
              period     = graph.alarms[name].period_seconds
            }])
          ],
        ) : query
      ]
    ])
  ]

  from_alarms = [
    for number, graph in local.alarm_graphs : {
      title   = graph.title
      stat    = "Maximum"
      stacked = false
      metrics = [for line in local.alarm_lines[number] : jsondecode(line)]
      limits = distinct([
        for alarm in values(graph.alarms) : { label = alarm.objective, value = alarm.threshold }
      ])
    }
  ]

  of_its_own = [
    for graph in var.graphs : {
      title   = graph.title
      stat    = graph.statistic
      stacked = graph.stacked
      limits  = []
      metrics = [
        for line in graph.lines : line.expression != null ? jsonencode([{ expression = line.expression, label = line.label }]) : jsonencode(concat(
          [line.namespace, line.name],
          flatten([for dimension, value in line.dimensions : [dimension, value]]),
          [merge({ label = line.label }, line.statistic == null ? {} : { stat = line.statistic })],
        ))
      ]
    }
  ]

  # Two in a row, each half as wide as the page.
  top = 4 * length(local.alarm_arns)
  graphs = concat(
    [for graph in local.of_its_own : merge(graph, { metrics = [for line in graph.metrics : jsondecode(line)] })],
    local.from_alarms,
  )
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [
        for number, arns in local.alarm_arns : {
          type       = "alarm"
          x          = 0
          y          = 4 * number
          width      = 24
          height     = 4
          properties = { title = "Alarms", alarms = arns, sortBy = "stateUpdatedTimestamp" }
        }
      ],
      [
        for number, graph in local.graphs : {
          type   = "metric"
          x      = 12 * (number % 2)
          y      = local.top + 6 * floor(number / 2)
          width  = 12
          height = 6

          properties = merge(
            {
              title   = graph.title
              region  = var.region
              view    = "timeSeries"
              stacked = graph.stacked
              stat    = graph.stat
              period  = 60
              metrics = graph.metrics
            },
            length(graph.limits) == 0 ? {} : { annotations = { horizontal = graph.limits } },
          )
        }
      ],
    )
  })
}
