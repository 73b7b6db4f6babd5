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

{{/* (root, component, pool, name, autoscaling): a HorizontalPodAutoscaler of the Deployment of that name. */}}
{{- define "taskbell.autoscaler" -}}
{{- if ne .autoscaling.mode "none" }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "taskbell.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "taskbell.fullname" .root }}-{{ .name }}}
  minReplicas: {{ .autoscaling.minReplicas }}
  maxReplicas: {{ .autoscaling.maxReplicas }}
  metrics:
    # Of the one container, not of what runs beside it.
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ .component }}
        target: {type: Utilization, averageUtilization: {{ .autoscaling.targetCPUUtilizationPercentage }}}
  {{- with .autoscaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* (path, values): refuses what cannot be. */}}
{{- define "taskbell.validateScaling" -}}
{{- with .values.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "%s.autoscaling: minReplicas %d is above maxReplicas %d" $.path (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and (eq .mode "cpu") (not $.values.resources.requests.cpu) -}}
{{- fail (printf "%s.autoscaling.mode: cpu measures against resources.requests.cpu: set it, or mode=none" $.path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
