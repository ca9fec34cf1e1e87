# 服务器内部短词的说法，各页面共用。内部的下划线在这里写作连字符。

# 暂停或失败的原因
reason-unauthorized = 提供方不接受该密钥
reason-forbidden = 提供方拒绝，原因不明
reason-key-limit = 密钥自身的消费上限已到
reason-session-quota = 账户的会话额度已用完
reason-weekly-quota = 账户的每周额度已用完
reason-monthly-quota = 账户的每月额度已用完
reason-free-quota = 账户当天的免费请求已用完
reason-no-credit = 账户余额不足
reason-rate-limit = 短时间内请求过多
reason-concurrency = 账户的并发请求过多
reason-subscription = 账户的套餐不包含该模型
reason-three-strikes = 密钥连续失败三次
reason-manual = 管理员已停用
reason-overloaded = 负载过高
reason-server-error = 提供方服务器出错
reason-timeout = 超时未应答
reason-network = 无法连接提供方
reason-address-blocked = 提供方屏蔽了本服务器的地址
reason-invalid-request = 请求未被接受
reason-model-not-found = 提供方没有该模型
reason-malformed = 无法读取应答

# 暂停结束时间的可靠程度
provenance-stated = 由提供方告知
provenance-computed = 按已知周期推算
provenance-guessed = 估计值，以一次试探结束

# 失败的尝试记在谁头上
scope-request = 客户端的请求
scope-key = 密钥
scope-account = 账户
scope-account-model = 账户（仅该模型）
scope-model = 模型
scope-provider = 提供方

# 询问密钥的结论与方式
verdict-valid = 已接受
verdict-invalid = 被拒绝
verdict-unknown = 未能确定
checked-by-identity = 询问密钥归属
checked-by-model-list = 询问模型列表
checked-by-chat = 通过一次对话

# 任务做什么
job-kind-check = 验证密钥
job-kind-import = 导入密钥
job-kind-enable = 启用密钥
job-kind-disable = 停用密钥
job-kind-amend = 修改标签或到期时间
job-kind-delete = 删除密钥

# 任务各项的结果
job-result-added = 已添加
job-result-existing = 已存在
job-result-valid = 已接受
job-result-invalid = 被拒绝
job-result-unknown = 未能确定
job-result-duplicate = 列表中重复
job-result-skipped = 空行或注释
job-result-refused = 无法读取
job-result-not-found = 已不存在
job-result-done = 已修改
job-result-pending = 未完成
job-result-other = 其他结果
