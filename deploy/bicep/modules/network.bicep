// A network with a subnet for each service's environment and one for private endpoints.
param prefix string
param location string
param tags object

var toContainerApps = [
  {
    name: 'container-apps'
    properties: { serviceName: 'Microsoft.App/environments' }
  }
]

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${prefix}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [ '10.20.0.0/16' ] }
    subnets: [
      {
        name: 'ingest'
        properties: {
          addressPrefix: '10.20.0.0/22'
          delegations: toContainerApps
        }
      }
      {
        name: 'classifier'
        properties: {
          addressPrefix: '10.20.4.0/22'
          delegations: toContainerApps
        }
      }
      {
        name: 'query'
        properties: {
          addressPrefix: '10.20.8.0/22'
          delegations: toContainerApps
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: '10.20.200.0/24' }
      }
    ]
  }
}

output id string = network.id
output appSubnetIds object = {
  ingest: '${network.id}/subnets/ingest'
  classifier: '${network.id}/subnets/classifier'
  query: '${network.id}/subnets/query'
}
output endpointSubnetId string = '${network.id}/subnets/endpoints'
