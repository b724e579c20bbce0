// Microsoft Entra in front of an app. The service itself has no keys then.
param appName string
param clientId string
@description('RedirectToLoginPage for people with a browser, Return401 for programs.')
param unauthenticated string
param behindFrontDoor bool

resource app 'Microsoft.App/containerApps@2025-01-01' existing = {
  name: appName
}

resource signIn 'Microsoft.App/containerApps/authConfigs@2025-01-01' = {
  parent: app
  name: 'current'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      unauthenticatedClientAction: unauthenticated
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: [ '/healthz', '/readyz' ]
    }
    httpSettings: {
      requireHttps: true
      forwardProxy: { convention: behindFrontDoor ? 'Standard' : 'NoProxy' }
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [ clientId, 'api://${clientId}' ] }
      }
    }
  }
}
