variable "prefix" {
  description = "Prefix of the platform to build on."
  type        = string
  nullable    = false
}
