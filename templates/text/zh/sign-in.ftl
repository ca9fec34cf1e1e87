sign-in-title = 登录
sign-in-token = 管理员令牌
sign-in-hint = 首次启动时显示过一次，或保存在数据目录的 "admin-token" 文件中。丢失了？在服务器上运行 "ollama-api-pool admin reset-token"。
sign-in-hint-configured = 由选项 ADMIN_TOKEN 设置的令牌。
sign-in-keep = 7 天内保持登录
sign-in-submit = 登录
sign-in-wrong = 管理员令牌不正确。
