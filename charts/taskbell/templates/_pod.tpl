{{/* (root, own): what a component's pod has besides: its own, over what all have. */}}
{{- define "taskbell.podValues" -}}
{{- $all := deepCopy .root.Values.pod -}}
{{- $own := default dict .own -}}
{{- $both := mergeOverwrite $all (deepCopy $own) -}}
{{- range list "env" "envFrom" "volumes" "volumeMounts" "initContainers" "containers" "tolerations" "imagePullSecrets" -}}
{{- $joined := concat (default list (get $.root.Values.pod .)) (default list (get $own .)) -}}
{{- $_ := set $both . (default list $joined) -}}
{{- end -}}
{{- toYaml $both -}}
{{- end -}}

{{/* A pod's values: what every container may do: nothing but run. */}}
{{- define "taskbell.containerSecurity" -}}
{{- $security := `
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
` | fromYaml -}}
securityContext:
  {{- toYaml (mergeOverwrite $security (default dict .containerSecurityContext)) | nindent 2 }}
{{- end -}}

{{/* (root, component, pool, pod): the head of a pod's spec, hardened and spread. */}}
{{- define "taskbell.podHead" -}}
serviceAccountName: {{ include "taskbell.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- if kindIs "bool" .pod.hostUsers }}
hostUsers: {{ .pod.hostUsers }}
{{- end }}
securityContext:
  {{- $security := dict "runAsNonRoot" true "runAsUser" 10001 "runAsGroup" 10001 "fsGroup" 10001 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") }}
  {{- toYaml (mergeOverwrite $security (default dict .pod.securityContext)) | nindent 2 }}
{{- with .pod.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .pod.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if .pod.topologySpreadConstraints }}
  {{- toYaml .pod.topologySpreadConstraints | nindent 2 }}
{{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "taskbell.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* (root, component, pool, pod, annotations): the metadata of a pod. */}}
{{- define "taskbell.podMetadata" -}}
labels:
  {{- /* No version: Redis is not started anew because the chart has a new one. */}}
  {{- include "taskbell.selector" . | nindent 2 }}
  {{- with .root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .pod.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with mergeOverwrite (deepCopy .root.Values.commonAnnotations) (default dict .annotations) (default dict .pod.annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
