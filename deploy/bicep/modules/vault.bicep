// The callers' keys. Nothing of Azure's own has a key.
import { roleIds } from '../role-ids.bicep'

param name string
param location string
param tags object
@secure()
param apiKeys string
param principals object
param workspaceId string
param privateNetwork bool

var keysGrants = [
  { who: 'ingest', role: 'keyVaultSecretsUser' }
  { who: 'query', role: 'keyVaultSecretsUser' }
]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource keys 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(apiKeys)) {
  parent: vault
  name: 'api-keys'
  properties: { value: apiKeys }
}

resource keysAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in keysGrants: if (!empty(apiKeys)) {
  scope: keys
  name: guid(vault.id, 'api-keys', principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [ { categoryGroup: 'audit', enabled: true } ]
  }
}

output id string = vault.id
output name string = vault.name
output apiKeysUrl string = empty(apiKeys) ? '' : '${vault.properties.vaultUri}secrets/api-keys'
