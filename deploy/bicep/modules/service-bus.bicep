// What Event Grid delivers to, and what Dapr's component `image-events` speaks to.
import { roleIds } from '../role-ids.bicep'

param name string
param location string
param tags object
param principals object
param workspaceId string
param privateNetwork bool

@description('Times that a message is delivered before it is a dead letter; Service Bus counts across restarts.')
param maxDeliveryCount int = 10

// Dapr renews locks every 20 s (components/azure/image-events.yaml).
var lockDuration = 'PT1M'
var timeToLive = 'P7D'

var classifiedGrants = [
  { who: 'ingest', role: 'serviceBusDataSender' }
  { who: 'classifier', role: 'serviceBusDataSender' }
]
var createdGrants = [
  { who: 'eventGrid', role: 'serviceBusDataSender' }
  { who: 'ingest', role: 'serviceBusDataSender' }
]
var createdClassifierGrants = [
  { who: 'classifier', role: 'serviceBusDataReceiver' }
]
var createdQueryGrants = [
  { who: 'query', role: 'serviceBusDataReceiver' }
]
var deadClassifierGrants = [
  { who: 'classifier', role: 'serviceBusDataReceiver' }
]
var classifiedQueryGrants = [
  { who: 'query', role: 'serviceBusDataReceiver' }
]
// No smaller role is documented to be enough for reading counts (docs/decisions/0010). No container gets it.
var namespaceGrants = [
  { who: 'scaler', role: 'serviceBusDataOwner' }
]

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  // Private endpoints are Premium's.
  sku: privateNetwork ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

resource network 'Microsoft.ServiceBus/namespaces/networkRuleSets@2024-01-01' = if (privateNetwork) {
  parent: bus
  name: 'default'
  properties: {
    publicNetworkAccess: 'Disabled'
    defaultAction: 'Deny'
    // Event Grid delivers as a trusted service.
    trustedServiceAccessEnabled: true
  }
}

resource dead 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = {
  parent: bus
  name: 'blob-created-dead'
  properties: { defaultMessageTimeToLive: timeToLive }
}

resource deadClassifier 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = {
  parent: dead
  name: 'classifier'
  properties: {
    lockDuration: lockDuration
    maxDeliveryCount: maxDeliveryCount
    deadLetteringOnMessageExpiration: true
  }
}

resource created 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = {
  parent: bus
  name: 'blob-created'
  // No duplicate detection, which could not be switched off later: ingest publishes here too, and Dapr gives its
  // messages no MessageId. The services tell repeated events apart by themselves.
  properties: { defaultMessageTimeToLive: timeToLive }
}

resource createdClassifier 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = {
  parent: created
  name: 'classifier'
  properties: {
    lockDuration: lockDuration
    maxDeliveryCount: maxDeliveryCount
    deadLetteringOnMessageExpiration: true
    forwardDeadLetteredMessagesTo: dead.name
  }
}

resource createdQuery 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = {
  parent: created
  name: 'query'
  properties: {
    lockDuration: lockDuration
    maxDeliveryCount: maxDeliveryCount
  }
}

resource classified 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = {
  parent: bus
  name: 'image-classified'
  properties: { defaultMessageTimeToLive: timeToLive }
}

resource classifiedQuery 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = {
  parent: classified
  name: 'query'
  properties: {
    lockDuration: lockDuration
    maxDeliveryCount: maxDeliveryCount
  }
}

resource createdAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in createdGrants: {
  scope: created
  name: guid(created.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource createdClassifierAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in createdClassifierGrants: {
  scope: createdClassifier
  name: guid(createdClassifier.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource createdQueryAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in createdQueryGrants: {
  scope: createdQuery
  name: guid(createdQuery.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource deadClassifierAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in deadClassifierGrants: {
  scope: deadClassifier
  name: guid(deadClassifier.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource classifiedAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in classifiedGrants: {
  scope: classified
  name: guid(classified.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource classifiedQueryAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in classifiedQueryGrants: {
  scope: classifiedQuery
  name: guid(classifiedQuery.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource namespaceAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in namespaceGrants: {
  scope: bus
  name: guid(bus.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: bus
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { categoryGroup: 'allLogs', enabled: true } ]
    metrics: [ { category: 'AllMetrics', enabled: true } ]
  }
}

output id string = bus.id
output name string = bus.name
output host string = '${bus.name}.servicebus.windows.net'
output createdTopicId string = created.id
output createdTopic string = created.name
output deadTopic string = dead.name
output classifiedTopic string = classified.name
output classifierSubscription string = createdClassifier.name
output querySubscription string = createdQuery.name
