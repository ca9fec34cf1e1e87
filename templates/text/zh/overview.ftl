# 需要处理的事
overview-attention = 需要处理
overview-worst-first = { $n } 项，最要紧的在前
overview-all-well = 没有需要处理的事
overview-all-well-text = 正在冷却的会自行恢复。
overview-checked = 已检查：
overview-else-fine = 检查范围：
overview-what-is-checked = 密钥、提供方、客户端令牌、任务、磁盘、数据库、备份
overview-and-certificate = 、证书
overview-damaged = 数据库已损坏：
overview-damaged-text = 这是上次检查整个文件的结果。尽早恢复一份备份。
overview-behind = 统计无法写入，
overview-behind-text = 暂存在内存中。请求照常应答；服务器此时停止会丢失暂存的数据。
overview-disk = 磁盘只剩 { $n } MiB：
overview-disk-text = 数据目录所在磁盘。先是备份失败，然后是修改失败。
overview-no-backups = 没有自动备份：
overview-no-backups-text = 设置中保留的份数为 0。
overview-old-backup = 最近的备份过旧：
overview-old-backup-text = 之后为何失败，日志中有记录。
overview-none-usable = { $provider } 没有可用的密钥，
overview-none-usable-until = 其请求会被拒绝。最早恢复还需
overview-none-usable-text = 其请求会被拒绝：全部已停用或已过期。
overview-rejected = { $n } 个密钥被拒绝：
overview-rejected-text = 由 { $provider } 拒绝。等待无用，需替换或删除。
overview-long-rest = { $n } 个密钥冷却超过一天：
overview-long-rest-text = { $provider } 的密钥，通常是额度已用完。
overview-keys-expire = { $provider } 有 { $n } 个密钥一周内过期，
overview-expires-in = 还剩
overview-expire-first = 最早的还剩
overview-provider-rests = { $provider } 暂停中：
overview-model-rests = { $model } 在 { $provider } 暂停中：
overview-models-rest = { $n } 个模型在 { $provider } 暂停中，
overview-again-in = 再次尝试还需
overview-first-again-in = 最早再次尝试还需
overview-token-expires = 令牌“{ $name }”即将过期，
overview-tokens-expire = { $n } 个客户端令牌一周内过期，
overview-certificate = 本服务器的证书即将到期，
overview-certificate-in = 还剩
overview-certificate-over = 本服务器的证书已到期，
overview-certificate-over-text = 客户端会拒绝连接。
overview-job-failed = 任务失败：
overview-review-keys = 查看密钥
overview-review-tokens = 查看令牌
overview-open-providers = 查看提供方
overview-open-backup = 查看备份
overview-open-disk = 查看磁盘用量
overview-open-job = 查看任务
overview-extend = 延期
overview-read-tls = 阅读 TLS 说明

# 密钥池
overview-pool = 密钥池
overview-all-keys = 全部密钥
overview-usable-of = / { $n } 个密钥可用
overview-by-state = 各状态的密钥

# 尚无请求
overview-new-title = 从零到第一个回答
overview-new = 添加密钥、创建令牌、发出第一个请求：三步，过程可见。
overview-new-action = 开始

# 时段与提供方
overview-range = 时段
overview-provider = 提供方
overview-all-providers = 全部提供方
overview-show = 显示

# 数字
overview-today = 今日请求
overview-on-yesterday = 较昨日同时段 { $change }
overview-yesterday = 昨日同时段 { $n }
overview-not-answered = 失败 { $failed } · 提前离开 { $left }
overview-p95 = p95 { $ms }
overview-in-out = 输入 { $input } · 输出 { $output }
overview-cost = 费用
overview-cost-note = 以提供方给出的为准
overview-in-flight = 进行中
overview-token-count = { $n } 个客户端令牌

# 图表
overview-requests = 请求
overview-all-of = { $span }共 { $n } 次
overview-per-hour = 每小时
overview-per-day = 每天
overview-answered-per = 成功，{ $per }
overview-errors-per = 失败，按原因，{ $per }
overview-answered = 成功
overview-left = 提前离开
overview-class-limit = 限制与额度
overview-class-upstream = 上游
overview-class-client = 客户端
overview-class-cut = 中途断开
overview-class-unknown = 未分类
overview-speed = 速度
overview-speed-what = 到首 token 与到结束的时间
overview-first-p50 = 首 token p50
overview-first-p95 = 首 token p95
overview-whole-p50 = 完整回答 p50
overview-tokens = Token
overview-tokens-per = 输入与输出，{ $per }
overview-input = 输入
overview-output = 输出

# 表格
overview-manage = 管理
overview-state = 状态
overview-keys = 密钥
overview-last-day = 最近 24 小时
overview-no-keys = 没有密钥
overview-models-at-rest = { $n } 个模型暂停中
overview-models = 最忙的模型
overview-model = 模型
overview-share = 占比
overview-first-token = 首 token
overview-clients = 最忙的客户端
overview-all-tokens = 全部令牌
overview-client = 客户端令牌
overview-nothing-asked = { $span }内没有请求。
