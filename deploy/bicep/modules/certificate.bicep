// A certificate that Azure issues and renews for a host name. The app must have the name already.
param environmentName string
param name string
param location string
param hostname string

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' existing = {
  name: environmentName
}

resource certificate 'Microsoft.App/managedEnvironments/managedCertificates@2025-01-01' = {
  parent: environment
  name: name
  location: location
  properties: {
    subjectName: hostname
    domainControlValidation: 'CNAME'
  }
}
