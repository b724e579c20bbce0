// Ingest in one region.
param name string
param location string
param tags object
param primary bool
param environmentId string
param environmentName string
param identityId string
param pullIdentityId string
param registryServer string
param image string
@description('The part `ingest` of sizes/*.json.')
param sizing object
@description('Empty where Entra signs people in.')
param apiKeysUrl string
param queryUrl string
param hostname string
param certificatesReady bool
param entraClientId string
param behindFrontDoor bool

var hasKeys = !empty(apiKeysUrl)
var hasCertificate = certificatesReady && !empty(hostname)

module certificate 'modules/certificate.bicep' = if (hasCertificate) {
  name: '${name}-certificate'
  params: {
    environmentName: environmentName
    name: 'ingest'
    location: location
    hostname: hostname
  }
}

module app 'modules/app.bicep' = {
  name: name
  dependsOn: [ certificate ]
  params: {
    name: name
    location: location
    tags: tags
    service: 'ingest'
    deployedByAzd: primary
    environmentId: environmentId
    identityId: identityId
    platformIdentityIds: [ pullIdentityId ]
    registryServer: registryServer
    pullIdentityId: pullIdentityId
    image: image
    port: 8001
    cpu: sizing.cpu
    memory: sizing.memory
    secrets: hasKeys ? [ { name: 'api-keys', keyVaultUrl: apiKeysUrl, identity: identityId } ] : []
    env: concat(
      [
        { name: 'CLAIMLENS_HOST', value: '0.0.0.0' }
        { name: 'CLAIMLENS_PORT', value: '8001' }
        { name: 'CLAIMLENS_LOG_FORMAT', value: 'json' }
        { name: 'CLAIMLENS_QUERY_PUBLIC_URL', value: queryUrl }
        { name: 'CLAIMLENS_MAX_CONCURRENT_UPLOADS', value: string(sizing.concurrentUploads) }
      ],
      // Keys and sign-in exclude each other: with both, the service would take Entra's token for a key.
      hasKeys ? [ { name: 'CLAIMLENS_API_KEYS', secretRef: 'api-keys' } ] : []
    )
    ingress: true
    hostname: hostname
    certificateName: hasCertificate ? 'ingest' : ''
    environmentName: environmentName
    minReplicas: sizing.minReplicas
    maxReplicas: sizing.maxReplicas
    scaleRules: [
      {
        name: 'uploads'
        http: { metadata: { concurrentRequests: string(sizing.concurrentUploads) } }
      }
    ]
    graceSeconds: 45
  }
}

module signIn 'modules/sign-in.bicep' = if (!empty(entraClientId)) {
  name: '${name}-sign-in'
  params: {
    appName: app.outputs.name
    clientId: entraClientId
    unauthenticated: 'Return401'
    behindFrontDoor: behindFrontDoor
  }
}

output appId string = app.outputs.id
