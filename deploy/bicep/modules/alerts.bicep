// What somebody should look at, by mail.
param prefix string
param tags object
param email string
param serviceBusId string
param eventGridId string
param visionIds array
param ingestAppId string
param queryAppId string
@description('Messages waiting for the classifier: more than it works off in a quarter of an hour at full scale.')
param backlogLimit int

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${prefix}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'claimlens'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

var rules = concat(
  [
    {
      name: 'events-not-handled'
      description: 'Events for query used up their deliveries: its index lacks them until it is rebuilt.'
      scope: serviceBusId
      namespace: 'Microsoft.ServiceBus/namespaces'
      metric: 'DeadletteredMessages'
      aggregation: 'Maximum'
      threshold: 0
      dimensions: []
    }
    {
      name: 'pictures-failed'
      description: 'Pictures that the classifier could not finish in ten deliveries; their records say why.'
      scope: serviceBusId
      namespace: 'Microsoft.ServiceBus/namespaces'
      metric: 'IncomingMessages'
      aggregation: 'Total'
      threshold: 0
      dimensions: [
        {
          name: 'EntityName'
          operator: 'Include'
          values: [ 'blob-created-dead' ]
        }
      ]
    }
    {
      name: 'classifier-behind'
      description: 'Pictures wait longer than the classifier can catch up soon.'
      scope: serviceBusId
      namespace: 'Microsoft.ServiceBus/namespaces'
      metric: 'ActiveMessages'
      aggregation: 'Average'
      threshold: backlogLimit
      dimensions: [
        {
          name: 'EntityName'
          operator: 'Include'
          values: [ 'blob-created' ]
        }
      ]
    }
    {
      name: 'events-not-delivered'
      description: 'Event Grid could not hand events to Service Bus; they are in the container event-dead-letters.'
      scope: eventGridId
      namespace: 'Microsoft.EventGrid/systemTopics'
      metric: 'DeadLetteredCount'
      aggregation: 'Total'
      threshold: 0
      dimensions: []
    }
    {
      name: 'ingest-failing'
      description: 'Uploads are answered with 5xx.'
      scope: ingestAppId
      namespace: 'Microsoft.App/containerApps'
      metric: 'Requests'
      aggregation: 'Total'
      threshold: 5
      dimensions: [
        {
          name: 'statusCodeCategory'
          operator: 'Include'
          values: [ '5xx' ]
        }
      ]
    }
    {
      name: 'query-failing'
      description: 'Reads are answered with 5xx.'
      scope: queryAppId
      namespace: 'Microsoft.App/containerApps'
      metric: 'Requests'
      aggregation: 'Total'
      threshold: 5
      dimensions: [
        {
          name: 'statusCodeCategory'
          operator: 'Include'
          values: [ '5xx' ]
        }
      ]
    }
  ],
  map(range(0, length(visionIds)), i => {
    name: 'vision-refuses-${i}'
    description: 'Vision refuses calls for their rate: fewer replicas, or another account.'
    scope: visionIds[i]
    namespace: 'Microsoft.CognitiveServices/accounts'
    metric: 'BlockedCalls'
    aggregation: 'Total'
    threshold: 20
    dimensions: []
  })
)

resource alert 'Microsoft.Insights/metricAlerts@2018-03-01' = [for rule in rules: {
  name: '${prefix}-${rule.name}'
  location: 'global'
  tags: tags
  properties: {
    description: rule.description
    enabled: true
    severity: 2
    scopes: [ rule.scope ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: rule.name
          metricNamespace: rule.namespace
          metricName: rule.metric
          operator: 'GreaterThan'
          threshold: rule.threshold
          timeAggregation: rule.aggregation
          dimensions: rule.dimensions
        }
      ]
    }
    actions: [ { actionGroupId: mail.id } ]
  }
}]
