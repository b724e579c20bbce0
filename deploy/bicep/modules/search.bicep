// Azure AI Search: an index that several replicas of query can share.
import { roleIds } from '../role-ids.bicep'

param name string
param location string
param tags object
param sku string
@description('1, 2, 3, 4, 6 or 12; Basic has no more than 3.')
param partitions int
param principals object
param workspaceId string
param privateNetwork bool

var serviceGrants = [
  { who: 'query', role: 'searchIndexDataContributor' }
  { who: 'query', role: 'searchServiceContributor' }
]

resource service 'Microsoft.Search/searchServices@2025-05-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  properties: {
    disableLocalAuth: true
    replicaCount: 1
    partitionCount: partitions
    publicNetworkAccess: privateNetwork ? 'disabled' : 'enabled'
  }
}

resource serviceAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in serviceGrants: {
  scope: service
  name: guid(service.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: service
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { categoryGroup: 'allLogs', enabled: true } ]
    metrics: [ { category: 'AllMetrics', enabled: true } ]
  }
}

output id string = service.id
output endpoint string = 'https://${service.name}.search.windows.net'
