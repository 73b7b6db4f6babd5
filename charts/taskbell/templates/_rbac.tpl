{{/* (root, name, account): the ServiceAccount of a component that talks to Kubernetes' API: its name. */}}
{{- define "taskbell.ownAccount" -}}
{{- default (printf "%s-%s" (include "taskbell.fullname" .root) .name) .account.name -}}
{{- end -}}

{{/* (root, component, name, account): that ServiceAccount. */}}
{{- define "taskbell.ownServiceAccount" -}}
{{- if .account.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- $metadata := include "taskbell.metadata" (merge (dict "annotations" .account.annotations) .) | fromYaml }}
  {{- toYaml (set $metadata "name" (include "taskbell.ownAccount" .)) | nindent 2 }}
automountServiceAccountToken: false
{{- end }}
{{- end -}}

{{/* (root, component, name, account, rules): a Role of the namespace that the account has. */}}
{{- define "taskbell.role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "taskbell.metadata" . | nindent 2 }}
rules:
  {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "taskbell.metadata" . | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ include "taskbell.fullname" .root }}-{{ .name }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "taskbell.ownAccount" . }}, namespace: {{ .root.Release.Namespace }}}
{{- end -}}

{{/* (root, component, name, account, rules): a ClusterRole that the account has. Its name has the namespace's. */}}
{{- define "taskbell.clusterRole" -}}
{{- $name := printf "%s-%s-%s" .root.Release.Namespace (include "taskbell.fullname" .root) .name -}}
{{- $metadata := set (omit (include "taskbell.metadata" . | fromYaml) "namespace") "name" $name }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- toYaml $metadata | nindent 2 }}
rules:
  {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- toYaml $metadata | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ $name }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "taskbell.ownAccount" . }}, namespace: {{ .root.Release.Namespace }}}
{{- end -}}
