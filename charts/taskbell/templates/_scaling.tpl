{{/* (root, component, pool, name, budget): a PodDisruptionBudget. */}}
{{- define "taskbell.budget" -}}
{{- if .budget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "taskbell.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .budget.maxUnavailable }}
  # A pod that never was ready holds up no drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "taskbell.selector" . | nindent 6 }}
{{- end }}
{{- end -}}

{{/*
(root, component, pool, name, autoscaling, concurrency, replicas): what sizes the Deployment of that name. KEDA's webhook
looks away from this HorizontalPodAutoscaler: one upgrade may bring KEDA's in its place.
*/}}
{{- define "taskbell.autoscaler" -}}
{{- if eq .autoscaling.mode "keda" -}}
{{- include "taskbell.scaledObject" . -}}
{{- else if eq .autoscaling.mode "none" -}}
{{- include "taskbell.autoscalerEnds" . -}}
{{- else }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "taskbell.metadata" (merge (dict "annotations" (dict "validations.keda.sh/hpa-ownership" "false")) .) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "taskbell.fullname" .root }}-{{ .name }}}
  minReplicas: {{ .autoscaling.minReplicas }}
  maxReplicas: {{ .autoscaling.maxReplicas }}
  metrics:
    {{- if eq .autoscaling.mode "cpu" }}
    # Of the one container, not of what runs beside it.
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ .component }}
        target: {type: Utilization, averageUtilization: {{ .autoscaling.targetCPUUtilizationPercentage }}}
    {{- else }}
    # Jobs that are ready, run or are due soon; of each pod's slots they may take so many.
    - type: External
      external:
        metric:
          name: taskbell_autoscale_load
          selector: {matchLabels: {release: {{ .root.Release.Name | quote }}, pool: {{ .pool | quote }}}}
        target: {type: AverageValue, averageValue: {{ include "taskbell.jobsPerPod" . }}m}
    {{- end }}
  {{- with .autoscaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/*
(root, component, pool, name, replicas): where the last release had a HorizontalPodAutoscaler and this one has
none, that one's end. Helm removes what a release no longer has at its upgrade's end; until then the autoscaler
would take the new number of pods back. As a hook of its name this one comes in its place before the Deployment
is touched, wants what the release wants, and is gone at once.
*/}}
{{- define "taskbell.autoscalerEnds" -}}
{{- $name := printf "%s-%s" (include "taskbell.fullname" .root) .name -}}
{{- $live := default dict (lookup "autoscaling/v2" "HorizontalPodAutoscaler" .root.Release.Namespace $name) -}}
{{- if eq (toString (get (default dict (default dict $live.metadata).labels) "app.kubernetes.io/managed-by")) "Helm" }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "taskbell.metadata" (merge (dict "annotations" (dict
    "helm.sh/hook" "pre-upgrade"
    "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded"
    "validations.keda.sh/hpa-ownership" "false"
  )) .) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ max 1 (int .replicas) }}
  maxReplicas: {{ max 1 (int .replicas) }}
{{- end }}
{{- end -}}

{{/* (autoscaling, concurrency): the jobs that one pod is for, in thousandths. */}}
{{- define "taskbell.jobsPerPod" -}}
{{- mul (int .concurrency) (int .autoscaling.targetUtilizationPercentage) 10 -}}
{{- end -}}

{{/* As `taskbell.autoscaler`, by KEDA. When the API is away, nothing is taken down. */}}
{{- define "taskbell.scaledObject" -}}
{{- $full := include "taskbell.fullname" .root }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "taskbell.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $full }}-{{ .name }}}
  minReplicaCount: {{ .autoscaling.minReplicas }}
  maxReplicaCount: {{ .autoscaling.maxReplicas }}
  pollingInterval: {{ .autoscaling.keda.pollingSeconds }}
  cooldownPeriod: {{ .autoscaling.keda.cooldownSeconds }}
  fallback: {failureThreshold: 3, replicas: {{ max 1 (int .autoscaling.minReplicas) }}, behavior: currentReplicasIfHigher}
  advanced:
    restoreToOriginalReplicaCount: false
    {{- with .autoscaling.behavior }}
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml . | nindent 8 }}
    {{- end }}
  triggers:
    - type: metrics-api
      metricType: AverageValue
      metadata:
        url: http://{{ $full }}-api.{{ .root.Release.Namespace }}.svc:{{ .root.Values.api.service.port }}/api/pools/{{ .pool }}/
        format: json
        valueLocation: load
        targetValue: {{ divf (include "taskbell.jobsPerPod" .) 1000 | quote }}
        activationTargetValue: "0"
        authMode: bearer
      authenticationRef: {name: {{ $full }}-pools}
{{- end -}}

{{/* (root): the modes in use, as a map from each to true. */}}
{{- define "taskbell.scalingModes" -}}
{{- $modes := dict -}}
{{- range $pool, $own := .Values.worker.pools -}}
{{- $merged := dict "root" $ "own" $own -}}{{- include "taskbell.mergePool" $merged -}}
{{- $_ := set $modes $merged.values.autoscaling.mode true -}}
{{- end -}}
{{- toYaml $modes -}}
{{- end -}}

{{/* (the root): whether the metrics adapter runs; nothing where it does not. So with the controller. */}}
{{- define "taskbell.hasAdapter" -}}
{{- and .Values.metricsAdapter.enabled (hasKey (include "taskbell.scalingModes" . | fromYaml) "external-metrics") | ternary "yes" "" -}}
{{- end -}}
{{- define "taskbell.hasController" -}}
{{- and .Values.controller.enabled (omit (include "taskbell.scalingModes" . | fromYaml) "none") | empty | ternary "" "yes" -}}
{{- end -}}

{{/*
(root, name, path, autoscaling): `replicas` of a Deployment that something else sizes: nothing, or what it has now where
nobody but Helm has said so yet, or where Helm applies on the client's side. A field that Helm leaves out then
would fall to 1. Who applies by Helm's library has a name of its own, as Flux's `helm-controller`. An autoscaler does
nothing for a Deployment of no pods, but for KEDA's. path: the values' own, for who reads the refusal.
*/}}
{{- define "taskbell.replicasKept" -}}
{{- $name := printf "%s-%s" (include "taskbell.fullname" .root) .name -}}
{{- $live := default dict (lookup "apps/v1" "Deployment" .root.Release.Namespace $name) -}}
{{- $helms := false -}}
{{- range (default dict $live.metadata).managedFields -}}
{{- if contains "helm" (lower .manager) -}}
{{- if or (eq .operation "Update") (hasKey (default dict (get (default dict .fieldsV1) "f:spec")) "f:replicas") }}{{ $helms = true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $live -}}
{{- $pods := int $live.spec.replicas -}}
{{- if $helms -}}
replicas: {{ max $pods (int .autoscaling.minReplicas) }}
{{- else if and (eq $pods 0) (ne .autoscaling.mode "keda") -}}
{{- fail (printf "%s.autoscaling.mode: %s does nothing for a Deployment of no pods: run first: kubectl scale --namespace %s deployment/%s --replicas=1" .path .autoscaling.mode .root.Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (path, values): refuses what cannot be. */}}
{{- define "taskbell.validateScaling" -}}
{{- with .values.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "%s.autoscaling: minReplicas %d is above maxReplicas %d" $.path (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and (eq (int .minReplicas) 0) (ne .mode "keda") (ne .mode "none") -}}
{{- fail (printf "%s.autoscaling.minReplicas: 0 needs mode=keda, which wakes a pool of no pods" $.path) -}}
{{- end -}}
{{- if and (eq .mode "cpu") (not $.values.resources.requests.cpu) -}}
{{- fail (printf "%s.autoscaling.mode: cpu measures against resources.requests.cpu: set it, or mode=none" $.path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (the root): refuses modes that cannot be beside each other, or on this cluster, which only an install sees. */}}
{{- define "taskbell.validateModes" -}}
{{- $modes := include "taskbell.scalingModes" . | fromYaml -}}
{{- if and (hasKey $modes "keda") (hasKey $modes "external-metrics") -}}
{{- fail "worker.pools: modes keda and external-metrics: a cluster has one external.metrics.k8s.io, KEDA's or the chart's: set one of them for all pools" -}}
{{- end -}}
{{- if include "taskbell.hasAdapter" . -}}
{{- $api := lookup "apiregistration.k8s.io/v1" "APIService" "" "v1beta1.external.metrics.k8s.io" -}}
{{- if $api -}}
{{- $owner := default dict $api.metadata.annotations -}}
{{- if or (ne (toString (get $owner "meta.helm.sh/release-name")) .Release.Name) (ne (toString (get $owner "meta.helm.sh/release-namespace")) .Release.Namespace) -}}
{{- $service := default dict $api.spec.service -}}
{{- fail (printf "worker.autoscaling.mode: external-metrics needs the API external.metrics.k8s.io, and Service %s of namespace %s serves it in this cluster: set worker.autoscaling.mode=keda if that is KEDA, else cpu or none; or metricsAdapter.enabled=false if that serves taskbell_autoscale_load" $service.name $service.namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (hasKey $modes "keda") (lookup "v1" "ServiceAccount" .Release.Namespace "default") (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
{{- fail "worker.autoscaling.mode: keda: this cluster has no KEDA: install it, or set external-metrics" -}}
{{- end -}}
{{- end -}}
