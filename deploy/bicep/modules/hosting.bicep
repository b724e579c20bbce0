// Where one service runs: its environment, with the Dapr components that it may use, under its own identity.
param service string
param name string
param location string
param tags object
param workspaceId string
param insightsConnectionString string
param subnetId string
param clientId string
@description('Addresses for the placeholders of components/azure/*.yaml.')
param addresses object
@description('Messages in flight.')
param handlers int
param resiliency bool

module environment 'environment.bicep' = {
  name: '${name}-environment'
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: workspaceId
    insightsConnectionString: insightsConnectionString
    subnetId: subnetId
  }
}

module components 'dapr-components.bicep' = {
  name: '${name}-components'
  params: {
    environmentName: environment.outputs.name
    appId: service
    values: union(addresses, {
      azureClientId: clientId
      handlers: string(handlers)
    })
  }
}

module policies 'dapr-resiliency.bicep' = if (resiliency) {
  name: '${name}-resiliency'
  dependsOn: [ components ]
  params: { environmentName: environment.outputs.name }
}

output environmentId string = environment.outputs.id
output environmentName string = environment.outputs.name
output defaultDomain string = environment.outputs.defaultDomain
