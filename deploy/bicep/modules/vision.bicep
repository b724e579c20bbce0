// Azure AI Vision, as many accounts as the size needs calls a second.
import { roleIds } from '../role-ids.bicep'

param prefix string
param location string
param tags object
param sku string
param count int
param principals object
param workspaceId string
param privateNetwork bool

var accountGrants = [
  { who: 'classifier', role: 'cognitiveServicesUser' }
]

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = [for i in range(0, count): {
  name: '${prefix}-${i}'
  location: location
  tags: tags
  kind: 'ComputerVision'
  sku: { name: sku }
  properties: {
    // Microsoft Entra needs a host name of one's own.
    customSubDomainName: '${prefix}-${i}'
    disableLocalAuth: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: privateNetwork ? 'Deny' : 'Allow' }
  }
}]

resource accountAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for i in range(0, count): {
  scope: account[i]
  name: guid(account[i].id, principals[accountGrants[0].who], accountGrants[0].role)
  properties: {
    principalId: principals[accountGrants[0].who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[accountGrants[0].role])
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [for i in range(0, count): {
  scope: account[i]
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { categoryGroup: 'audit', enabled: true } ]
    metrics: [ { category: 'AllMetrics', enabled: true } ]
  }
}]

output ids array = [for i in range(0, count): account[i].id]
output endpoints array = [for i in range(0, count): account[i].properties.endpoint]
