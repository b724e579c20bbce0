// The services' images.
import { roleIds } from '../role-ids.bicep'

param name string
param location string
param tags object
param sku string
param principals object

var registryGrants = [
  { who: 'pull', role: 'acrPull' }
]

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

resource registryAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for grant in registryGrants: {
  scope: registry
  name: guid(registry.id, principals[grant.who], grant.role)
  properties: {
    principalId: principals[grant.who]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[grant.role])
  }
}]

output server string = registry.properties.loginServer
