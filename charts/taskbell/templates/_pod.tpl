{{/* (lists): one list; of what has the same name, or is the same, the last counts. */}}
{{- define "taskbell.named" -}}
{{- $order := list -}}
{{- $by := dict -}}
{{- range $list := .lists -}}
{{- range $item := $list -}}
{{- $name := kindIs "map" $item | ternary (toString (get (kindIs "map" $item | ternary $item dict) "name")) (toString $item) -}}
{{- if not (hasKey $by $name) }}{{ $order = append $order $name }}{{ end -}}
{{- $_ := set $by $name $item -}}
{{- end -}}
{{- end -}}
{{- $all := list -}}
{{- range $order }}{{ $all = append $all (get $by .) }}{{ end -}}
{{- toYaml $all -}}
{{- end -}}

{{/*
(levels): what a pod has besides, from what all have to its own. Maps are merged, lists joined; the later wins.
*/}}
{{- define "taskbell.podValues" -}}
{{- $both := dict -}}
{{- range .levels }}{{ $both = mergeOverwrite $both (deepCopy (default dict .)) }}{{ end -}}
{{- range $field := list "env" "volumes" "initContainers" "containers" "imagePullSecrets" -}}
{{- $lists := list -}}
{{- range $.levels }}{{ $lists = append $lists (default list (get (default dict .) $field)) }}{{ end -}}
{{- $_ := set $both $field (include "taskbell.named" (dict "lists" $lists) | fromYamlArray) -}}
{{- end -}}
{{- range $field := list "envFrom" "volumeMounts" "tolerations" -}}
{{- $joined := list -}}
{{- range $.levels }}{{ $joined = concat $joined (default list (get (default dict .) $field)) }}{{ end -}}
{{- $_ := set $both $field (uniq $joined) -}}
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

{{/* (root, component, pool, pod, account): the head of a pod's spec, hardened and spread. */}}
{{- define "taskbell.podHead" -}}
serviceAccountName: {{ default (include "taskbell.serviceAccount" .root) .account }}
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
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .pod.runtimeClassName }}
runtimeClassName: {{ . | quote }}
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
  {{- toYaml (merge (include "taskbell.selector" . | fromYaml) (default dict .pod.labels) .root.Values.commonLabels) | nindent 2 }}
{{- with mergeOverwrite (deepCopy .root.Values.commonAnnotations) (default dict .annotations) (default dict .pod.annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (root, seconds): how a pod that ends goes on accepting, until nobody sends it any more. */}}
{{- define "taskbell.preStop" -}}
{{- if semverCompare "<1.30.0-0" .root.Capabilities.KubeVersion.Version -}}
exec: {command: [sleep, {{ .seconds | quote }}]}
{{- else -}}
sleep: {seconds: {{ .seconds }}}
{{- end -}}
{{- end -}}
