// A private endpoint for each service that holds data, and the zones that their names resolve in.
param prefix string
param location string
param tags object
param networkId string
param subnetId string
param storageId string
param serviceBusId string
param cosmosId string
param vaultId string
param visionIds array
@description('Empty: there is none.')
param searchId string

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  namespace: 'privatelink.servicebus.windows.net'
  Sql: 'privatelink.documents.azure.com'
  vault: 'privatelink.vaultcore.azure.net'
  account: 'privatelink.cognitiveservices.azure.com'
  searchService: 'privatelink.search.windows.net'
}

var targets = concat(
  [
    { name: 'storage', id: storageId, group: 'blob' }
    { name: 'service-bus', id: serviceBusId, group: 'namespace' }
    { name: 'cosmos', id: cosmosId, group: 'Sql' }
    { name: 'vault', id: vaultId, group: 'vault' }
  ],
  map(range(0, length(visionIds)), i => { name: 'vision-${i}', id: visionIds[i], group: 'account' }),
  empty(searchId) ? [] : [ { name: 'search', id: searchId, group: 'searchService' } ]
)

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for entry in items(zones): {
  name: entry.value
  location: 'global'
  tags: tags
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (entry, i) in items(zones): {
  parent: zone[i]
  name: 'to-${prefix}'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}]

module endpoint 'modules/private-endpoint.bicep' = [for target in targets: {
  name: 'endpoint-${target.name}'
  dependsOn: [ link ]
  params: {
    name: 'pe-${prefix}-${target.name}'
    location: location
    tags: tags
    subnetId: subnetId
    targetId: target.id
    groupId: target.group
    zoneId: resourceId('Microsoft.Network/privateDnsZones', zones[target.group])
  }
}]
