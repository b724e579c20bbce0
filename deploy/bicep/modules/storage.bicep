// The pictures, and the events that could not be delivered.
import { roleIds } from '../role-ids.bicep'

param name string
param location string
param tags object
param sku string
param principals object
param workspaceId string
param privateNetwork bool

var imagesGrants = [
  { who: 'ingest', role: 'storageBlobDataContributor' }
  { who: 'classifier', role: 'storageBlobDataReader' }
  { who: 'query', role: 'storageBlobDataReader' }
]
var deadLettersGrants = [
  { who: 'eventGrid', role: 'storageBlobDataContributor' }
]
// Vision cannot reach a private account: the classifier sends it the bytes there, and signs no links.
var accountGrants = privateNetwork ? [] : [
  { who: 'classifier', role: 'storageBlobDelegator' }
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      // Event Grid writes its dead letters as a trusted service.
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource images 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'images'
}

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'event-dead-letters'
}

resource imagesAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in imagesGrants: {
  scope: images
  name: guid(images.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource deadLettersAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in deadLettersGrants: {
  scope: deadLetters
  name: guid(deadLetters.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource accountAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in accountGrants: {
  scope: account
  name: guid(account.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { category: 'StorageDelete', enabled: true } ]
    metrics: [ { category: 'Transaction', enabled: true } ]
  }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output imagesContainer string = images.name
output deadLettersContainer string = deadLetters.name
