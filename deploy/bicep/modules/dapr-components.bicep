// The Dapr components of one service's environment, made of components/azure/*.yaml.
param environmentName string
param appId string

@description('What each {placeholder} of the files stands for; azureClientId is the service\'s own identity.')
param values object

// The compiler would derive a type from each file, and the four have not the same properties.
var images = any(loadYamlContent('../../../components/azure/images.yaml'))
var imageEvents = any(loadYamlContent('../../../components/azure/image-events.yaml'))
var imageRecords = any(loadYamlContent('../../../components/azure/image-records.yaml'))
var secrets = any(loadYamlContent('../../../components/azure/secrets.yaml'))
var files = [ images, imageEvents, imageRecords, secrets ]

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: environmentName
}

resource component 'Microsoft.App/managedEnvironments/daprComponents@2025-01-01' = [for file in filter(files, one => contains(one.scopes, appId)): {
  parent: environment
  name: file.metadata.name
  properties: {
    componentType: file.spec.type
    version: file.spec.version
    metadata: map(file.spec.metadata, entry => {
      name: entry.name
      value: reduce(items(values), entry.value, (text, next) => replace(string(text), '{${next.key}}', string(next.value)))
    })
    scopes: [ appId ]
  }
}]
