{{- define "vzcover.name" -}}
{{- if contains "vzcover" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-vzcover" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end -}}

{{- define "vzcover.selector" -}}
app.kubernetes.io/name: vzcover
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vzcover.labels" -}}
{{ include "vzcover.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "vzcover.metadata" -}}
name: {{ include "vzcover.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "vzcover.labels" . | nindent 2 }}
{{- end -}}

{{- define "vzcover.secret" -}}
{{- if .Values.existingSecret }}{{ .Values.existingSecret }}{{ else if .Values.secrets }}{{ include "vzcover.name" . }}{{ end }}
{{- end -}}
