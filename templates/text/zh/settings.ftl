settings-title = 设置
settings-sub = 保存后立即生效，适用于此后开始的一切
settings-groups = 分组
settings-group-providers = 提供方
settings-group-cache = 缓存
settings-group-limits = 客户端限制
settings-group-statistics = 统计
settings-group-retention = 保留期限
settings-group-backups = 备份
settings-group-public = 公开页面
settings-save = 保存
settings-save-group = 保存：{ $name }
settings-reset = 恢复默认值
settings-reset-one = 恢复默认值：{ $name }
settings-is-changed = 已修改
settings-default = 默认值：
settings-limits = 范围：{ $least } 至 { $most }
settings-on = 开
settings-off = 关
settings-empty = 空
settings-changed =
    { $n ->
        [0] 没有任何变化。
       *[other] 已修改 { $n } 项设置。
    }
settings-locked = 此设置由环境变量 { $variable } 固定。请在那里修改并重启服务器。
settings-problem-number = 应为 { $least } 至 { $most } 的整数
settings-problem-duration = 应为 { $least } 至 { $most } 的时长，例如 90 秒、5 分、2 小时或 1 天，须为整数
settings-problem-size = 应为 { $least } 至 { $most } 的大小，例如 512 KiB、64 MiB 或 4 GiB
settings-problem-word = 应为选项之一
settings-problem-time-zone = 应为时区名称，例如 UTC 或 Asia/Shanghai
settings-problem-url = 应为 http 或 https 地址，例如 https://pool.example，且不含凭据
settings-problem-title = 应为最多 256 个可打印的 ASCII 字符
settings-problem-text = 应为此设置接受的文本

setting-provider-enabled = 处理发往 { $provider } 的请求
setting-provider-enabled-help = 关闭后，相关请求返回 503，其密钥不再使用。
setting-openrouter-app-title = 提供给 OpenRouter 的应用名称
setting-openrouter-app-title-help = 客户端没有发送 X-Title 时使用。留空则不发送。
setting-openrouter-app-url = 提供给 OpenRouter 的应用地址
setting-openrouter-app-url-help = 客户端没有发送 HTTP-Referer 时使用。留空则不发送。
setting-jobs-checks-at-once = 同时检查的密钥数
setting-jobs-checks-at-once-help = 同一时间向一个提供方查询多少个密钥。

setting-cache-mode = 缓存回答
setting-cache-mode-help = 缓存哪些完整回答，以便再次用于相同的请求。流式回答从不缓存。
setting-cache-mode-is-off = 不缓存
setting-cache-mode-is-deterministic = temperature 为 0 或带 seed 的请求
setting-cache-mode-is-all = 全部
setting-cache-ttl-seconds = 回答的缓存时间
setting-cache-ttl-seconds-help = 超过后重新请求上游。
setting-cache-max-bytes = 缓存占用的内存
setting-cache-max-bytes-help = 超过后，最少使用的回答先被清除。
setting-cache-shared = 在令牌之间共享回答
setting-cache-shared-help = 开启后，给一个令牌的回答也可用于其他令牌。
setting-models-ttl-seconds = 模型列表的缓存时间
setting-models-ttl-seconds-help = 过期的列表会重新获取；上游出错时继续使用旧列表。
setting-models-anonymous = 无需令牌即可列出模型
setting-models-anonymous-help = 关闭后，与其他请求一样需要客户端令牌。

setting-rate-limit-enabled = 限制每个地址的请求
setting-rate-limit-enabled-help = 按客户端地址和提供方计算；IPv6 的一个 /64 视为一个地址。
setting-rate-limit-requests = 每个时间窗口的请求数
setting-rate-limit-requests-help = 超出的请求返回 429 和需要等待的时间。
setting-rate-limit-window-seconds = 时间窗口
setting-rate-limit-window-seconds-help = 统计请求数的时间范围。
setting-bots-policy = 脚本与爬虫
setting-bots-policy-help = 如何处理 User-Agent 自称脚本或爬虫的请求。
setting-bots-policy-is-off = 正常处理
setting-bots-policy-is-log = 处理并记录
setting-bots-policy-is-refuse = 拒绝

setting-statistics-cache-seconds = 公开数据的缓存时间
setting-statistics-cache-seconds-help = 公开页面上的数据最多可以有多旧。0 表示每次访问都重新读取。
setting-statistics-time-zone = 时区
setting-statistics-time-zone-help = API 数据中每天和每小时的起点，例如 UTC 或 Asia/Shanghai。

setting-retention-hours-days = 模型和令牌的小时统计
setting-retention-hours-days-help = 模型与客户端令牌的小时统计保留多久。累计总数一直保留。
setting-retention-key-hours-days = 单个密钥的小时统计
setting-retention-key-hours-days-help = 每个 API 密钥的小时统计保留多久。
setting-retention-audit-days = 审计日志
setting-retention-audit-days-help = 更改记录保留多久。
setting-retention-jobs-days = 已结束的任务
setting-retention-jobs-days-help = 任务结果可以查看多久。
setting-retention-max-bytes = 数据库大小
setting-retention-max-bytes-help = 超过后，最早的小时统计会提前删除。

setting-backups-every-hours = 备份间隔
setting-backups-every-hours-help = 将整个数据库备份到数据目录的 backups 文件夹。
setting-backups-keep = 保留的备份数
setting-backups-keep-help = 更早的会被删除。0 表示不备份。

setting-public-stats = 公开统计
setting-public-stats-help = 页面 /stats 及其数据。关闭后访客看到 404，你仍可查看。
setting-public-api-docs = 公开 API 说明
setting-public-api-docs-help = 页面 /api-docs 和 /docs、/openapi.json 以及测试台的模板。
setting-public-project = 公开项目信息
setting-public-project-help = 页面 /project，包括版本、更新日志和运行状态。
