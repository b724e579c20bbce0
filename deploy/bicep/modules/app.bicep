// One service as a container app with a Dapr sidecar.
param name string
param location string
param tags object
@description('ingest, classifier or query: the Dapr app id, and azd\'s name of it.')
param service string
@description('Deployed by azd; the other regions take the image that it pushed.')
param deployedByAzd bool
param environmentId string

param identityId string
@description('Used by the platform for this app; no container gets their tokens.')
param platformIdentityIds array
param registryServer string
param pullIdentityId string

@description('Empty: a placeholder that answers no probes.')
param image string
param port int
param cpu string
param memory string
param env array
param secrets array
@description('Writable and lost with the replica. Empty: none.')
param scratchPath string = ''

@description('Reached from the internet, over TLS only.')
param ingress bool
@description('A host name of one\'s own. Empty: none.')
param hostname string
@description('Its certificate in the environment. Empty: not yet.')
param certificateName string
param environmentName string

param minReplicas int
param maxReplicas int
param scaleRules array
@description('Requests, or messages, that are in flight at SIGTERM have this long.')
param graceSeconds int

var placeholder = 'mcr.microsoft.com/azuredocs/containerapps-helloworld:latest'
var hasScratch = !empty(scratchPath)
var certified = !empty(certificateName)
var withoutCertificate = {
  name: hostname
  bindingType: 'Disabled'
}
var withCertificate = {
  name: hostname
  bindingType: 'SniEnabled'
  certificateId: resourceId('Microsoft.App/managedEnvironments/managedCertificates', environmentName, certificateName)
}
var probes = [
  {
    type: 'Startup'
    httpGet: { path: '/healthz', port: port }
    periodSeconds: 2
    failureThreshold: 60
  }
  {
    type: 'Liveness'
    httpGet: { path: '/healthz', port: port }
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  }
  {
    type: 'Readiness'
    httpGet: { path: '/readyz', port: port }
    periodSeconds: 5
    timeoutSeconds: 5
    failureThreshold: 3
  }
]

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: union(tags, deployedByAzd ? { 'azd-service-name': service } : {})
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject(concat([ identityId ], platformIdentityIds), id => id, id => {})
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 10
      identitySettings: [for id in platformIdentityIds: {
        identity: id
        lifecycle: 'None'
      }]
      registries: [
        {
          server: registryServer
          identity: pullIdentityId
        }
      ]
      secrets: secrets
      dapr: {
        enabled: true
        appId: service
        appPort: port
        // A gRPC subscriber would get empty data: BlobCreated has no datacontenttype.
        appProtocol: 'http'
        // MB. A picture of 20 MB goes through a binding; the default is 4.
        httpMaxRequestSize: 32
        logLevel: 'info'
      }
      ingress: ingress ? {
        external: true
        targetPort: port
        transport: 'auto'
        allowInsecure: false
        customDomains: empty(hostname) ? [] : certified ? [ withCertificate ] : [ withoutCertificate ]
      } : null
    }
    template: {
      terminationGracePeriodSeconds: graceSeconds
      containers: [
        {
          name: service
          image: empty(image) ? placeholder : image
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          env: env
          probes: empty(image) ? [] : probes
          volumeMounts: hasScratch ? [ { volumeName: 'scratch', mountPath: scratchPath } ] : []
        }
      ]
      volumes: hasScratch ? [ { name: 'scratch', storageType: 'EmptyDir' } ] : []
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: scaleRules
      }
    }
  }
}

output id string = app.id
output name string = app.name
