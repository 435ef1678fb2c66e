{{- define "driftd.name" -}}
{{ if contains "driftd" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-driftd" (.Release.Name | trunc 43 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "driftd.selector" -}}
app.kubernetes.io/name: driftd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "driftd.labels" -}}
{{ include "driftd.selector" . }}
app.kubernetes.io/component: drift-monitor
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "driftd.metadata" -}}
name: {{ include "driftd.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "driftd.labels" . | nindent 2 }}
{{- end }}

{{- define "driftd.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
